# One image for every process: `watch`, `work`, `serve` and the one-shot `migrate`; the command is the only difference.
#   docker build --tag remediation-audit:local .
# glibc on purpose: the native part of the Temporal worker does not run on musl (Alpine).

# ---- what runs: production dependencies only ------------------------------------------------------------------------
FROM node:24.21.0-bookworm-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20 AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No install script is needed here: those allowed in package.json prepare Node itself (this image is Node) and what development
# needs. Of the optional packages DuckDB's native part is needed by the archive. Taken away is the native swc compiler, which
# the workflow bundler loads for TypeScript only, and dist/ is JavaScript.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm -rf node_modules/@swc/core-* \
    # The Temporal package carries five platforms, 136 MB; the image needs its own, 29 MB.
    && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
       ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} + \
    # A platform without a native part fails here, not at the first start in somebody's cluster.
    && node --eval "require('@temporalio/core-bridge'); require('@duckdb/node-bindings')"

# ---- what is built: TypeScript is a development dependency ----------------------------------------------------------
FROM node:24.21.0-bookworm-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20 AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

# ---- the image ------------------------------------------------------------------------------------------------------
FROM node:24.21.0-bookworm-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20 AS runtime
LABEL org.opencontainers.image.title="remediation-audit" \
      org.opencontainers.image.description="A durable audit service for automated Kubernetes remediations" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# The slim image has no root certificates, and the Temporal worker reads the system's, not Node's: without them every
# TLS connection to a Temporal server fails.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
# package.json makes dist/ ES modules and tells the version; migrations/ is looked for beside dist/.
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY migrations ./migrations
# Folders that docker-compose.yml mounts: a new volume takes owner and mode of what it covers. Each process has a user of its own there.
RUN cd /var/lib && install --directory remediation-audit && cd remediation-audit \
    && install --directory --owner=1000 --group=1000 --mode=0750 archive public-keys \
    && install --directory --owner=1000 --group=1000 --mode=0700 keys work \
    && install --directory --owner=1001 --group=1000 --mode=0700 serve \
    && install --directory --owner=1002 --group=1000 --mode=0770 temporal
# By number, so that Kubernetes can verify runAsNonRoot. The files belong to root: the process cannot alter its own code.
USER 1000:1000
# API; metrics and probes of the worker; of the watcher.
EXPOSE 8085 9465 9466
# No init process: main.js installs its own signal handlers, so it works as PID 1, and it starts no child processes.
# No HEALTHCHECK either: the port to ask depends on the command. docker-compose.yml and Kubernetes probes have them.
# The flag is that of main.ts: what is short-lived may take 4 MiB before it is swept, not 16. In a storm `work` needs half the memory.
ENTRYPOINT ["node", "--max-semi-space-size=4", "/app/dist/main.js"]
