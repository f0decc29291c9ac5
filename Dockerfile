# The one place where the bases stand: tag for people, digest of the index of all platforms for the build. Renovate
# and Dependabot renew both by themselves. By hand, `docker buildx imagetools inspect NAME:TAG` prints the digest.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:d6aa754f16b3197301076f047b5def2f02ea1dbbc2ca920407d46d7ec7f87b20
# The C library of the same Debian, certificates, a user 65532, and nothing to run: no shell, no package manager.
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Without the development Node: the image brings its own.
RUN npm ci --ignore-scripts
COPY LICENSE ./
COPY image image
COPY src src
# One bundle of what is used, and a list of what went into it.
RUN npm run bundle
# Equal sources make an equal image: times of files are not part of it.
RUN find dist/image -exec touch --no-dereference --date=@0 {} +

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG REVISION=unknown
ARG VERSION=0.1.0
ARG HOME_URL=https://github.com/kube-registrar/kube-registrar
LABEL org.opencontainers.image.title="kube-registrar" \
      org.opencontainers.image.description="Keeps Consul's catalog in sync with a Kubernetes cluster" \
      org.opencontainers.image.documentation="${HOME_URL}#readme" \
      org.opencontainers.image.source="${HOME_URL}" \
      org.opencontainers.image.url="${HOME_URL}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /src/dist/image /app
USER 65532:65532
# One heap of the C library for all threads, instead of one for each that gives little back: saves 9 to 15 MB.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    IMAGE_REVISION=${REVISION} \
    PATH=/usr/local/bin:/app
EXPOSE 8080
# Much memory is live and little of it changes: collected when a quarter is new, not when it has doubled. A nursery of
# 4 MB instead of 8 saves 8 MB or more; what it costs in processor time was too little to be measured. The heap's
# limit follows the container's, so that too much ends in a message; Node's own is 256 MiB at least.
ENTRYPOINT ["/usr/local/bin/node", "--max-old-space-size-percentage=60", "--heap-growing-percent=25", "--max-semi-space-size=4", "/app/main.js"]
CMD ["run"]
