{{- define "audit.name" -}}
{{- $name := .Release.Name -}}
{{- if contains .Chart.Name $name }}{{ $name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" $name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{/* Labels of one process: (dict "root" $ "process" "watch") */}}
{{- define "audit.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end }}

{{- define "audit.labels" -}}
{{ include "audit.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "audit.image" -}}
{{- $repository := required "image.repository names the image that you built and pushed, such as registry.example.com/remediation-audit (docs/install.md)" .Values.image.repository -}}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}{{ else }}{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}

{{/* What every process gets, and what one has for itself instead: (dict "root" $ "process" "watch") */}}
{{- define "audit.variables" -}}
{{- range $name, $value := merge (dict) ((index .root.Values .process | default dict).settings | default dict) .root.Values.settings }}
- name: {{ $name }}
  {{- /* A number of a values file is a float, which would be written as 1e+06. */}}
  value: {{ ternary ($value | int64) $value (kindIs "float64" $value) | quote }}
{{- end }}
{{- end }}

{{- define "audit.cluster" -}}
{{ required "cluster names the watched cluster, such as prod-1; two clusters must not have the same name" .Values.cluster }}
{{- end }}

{{/* Name of a process's account: (dict "root" $ "process" "watch") */}}
{{- define "audit.serviceAccount" -}}
{{- (index .root.Values .process).serviceAccountName | default (printf "%s-%s" (include "audit.name" .root) .process) -}}
{{- end }}

{{/* What every process gets and one has for itself: (dict "root" $ "process" "watch" "list" "extraVolumes") */}}
{{- define "audit.extra" -}}
{{- with concat (index .root.Values .list) (index (index .root.Values .process | default dict) .list | default list) }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "audit.podMetadata" -}}
labels: {{- merge (include "audit.labels" . | fromYaml) .root.Values.podLabels | toYaml | nindent 2 }}
{{- with .root.Values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Of the secret that this process has and no other, by its key `url` unless another is given: (dict "root" $ "process" "serve" "variable" "DATABASE_URL" "key" "url") */}}
{{- define "audit.databaseUrl" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef: { name: {{ (index .root.Values .process).databaseSecret }}, key: {{ .key | default "url" }} }
{{- end }}

{{/* A rule of a network policy: (dict "to" (list) "ports" (list 443)) */}}
{{- define "audit.egressTo" -}}
- ports:
    {{- range .ports }}
    - { port: {{ . | int }}, protocol: TCP }
    {{- end }}
  {{- with .to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "audit.workerVariables" -}}
- { name: TEMPORAL_ADDRESS, value: {{ .root.Values.temporal.address | quote }} }
- { name: TEMPORAL_NAMESPACE, value: {{ .root.Values.temporal.namespace | quote }} }
- { name: REMEDIATION_AUDIT_METRICS_HOST, value: 0.0.0.0 }
{{- end }}

{{- define "audit.serverName" -}}
{{- .Values.serve.tlsServerName | default (printf "%s.%s.svc" (include "audit.name" .) .Release.Namespace) -}}
{{- end }}

{{/* With a kubeconfig of its own the watcher asks other API servers, and is nobody at this one. */}}
{{- define "audit.watchUsesAccount" -}}
{{- not (or .Values.watch.settings.KUBECONFIG .Values.settings.KUBECONFIG) -}}
{{- end }}

{{/* Nothing that it could change but its temporary folder; no right it does not need. */}}
{{- define "audit.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "audit.podSecurity" -}}
{{- /* With them a Service called remediation-audit-api would set REMEDIATION_AUDIT_API_PORT in every pod of the namespace. */}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "audit.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: http, scheme: {{ .scheme | default "HTTP" }} }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: http, scheme: {{ .scheme | default "HTTP" }} }
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: http, scheme: {{ .scheme | default "HTTP" }} }
  periodSeconds: 5
{{- end }}

{{- define "audit.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
