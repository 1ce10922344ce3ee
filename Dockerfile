# Both programs in one image; the command chooses: `node operator/main.ts` or `node router/main.ts`.
#
# BASE=docker    (default) an official Node image and `npm ci`: `docker build -t fairlead .`
# BASE=prepared  no registry: hack/images puts rootfs.tar (a few Debian packages and Node) and
#                modules.tar (the production node_modules) into the context
ARG BASE=docker
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS docker
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit \
  && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.?ts' -o -name '*.bare' \) -delete \
  && npm cache clean --force

FROM scratch AS rootfs
ADD rootfs.tar /

FROM rootfs AS prepared
ADD modules.tar /app/

FROM ${BASE}
WORKDIR /app
COPY package.json LICENSE ./
COPY crds crds
COPY kube kube
COPY protocol protocol
COPY telemetry telemetry
COPY operator operator
COPY router router
ENV NODE_ENV=production
USER 65532:65532
ENTRYPOINT []
CMD ["node", "operator/main.ts"]
