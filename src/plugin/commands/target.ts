import { UsageError } from '../../config/settings.ts';

/** As kubectl abbreviates what remediations are about. */
const KINDS: Readonly<Record<string, string>> = {
  deploy: 'Deployment',
  deployment: 'Deployment',
  sts: 'StatefulSet',
  statefulset: 'StatefulSet',
  ds: 'DaemonSet',
  daemonset: 'DaemonSet',
  rs: 'ReplicaSet',
  replicaset: 'ReplicaSet',
  po: 'Pod',
  pod: 'Pod',
  no: 'Node',
  node: 'Node',
  svc: 'Service',
  service: 'Service',
  pvc: 'PersistentVolumeClaim',
  persistentvolumeclaim: 'PersistentVolumeClaim',
  cj: 'CronJob',
  cronjob: 'CronJob',
  job: 'Job',
  hpa: 'HorizontalPodAutoscaler',
  horizontalpodautoscaler: 'HorizontalPodAutoscaler',
};

/** `NAME`, `KIND/NAME` or `NAMESPACE/KIND/NAME` as filters of the API. A kind that is not known here is taken as it is. */
export function targetQuery(target: string | undefined): Record<string, string> {
  if (target === undefined) return {};
  const [name = '', kind, namespace, ...others] = target.split('/').toReversed();
  if (name === '' || kind === '' || namespace === '' || others.length > 0)
    throw new UsageError(
      `--target takes NAME, KIND/NAME or NAMESPACE/KIND/NAME, such as payments/deploy/api, not ${target}`,
    );
  return {
    target_name: name,
    ...(kind === undefined ? {} : { target_kind: kindNamed(kind) }),
    ...(namespace === undefined ? {} : { target_namespace: namespace }),
  };
}

function kindNamed(kind: string): string {
  const plain = kind.toLowerCase();
  const known = Object.hasOwn(KINDS, plain) ? KINDS[plain] : undefined;
  return (
    known ??
    (plain.endsWith('s') && Object.hasOwn(KINDS, plain.slice(0, -1))
      ? KINDS[plain.slice(0, -1)]
      : undefined) ??
    kind
  );
}
