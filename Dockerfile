# syntax=docker/dockerfile:1

# The one place where versions stand. Pin both bases by digest where the image is built for production:
#   docker buildx imagetools inspect node:24.21.0-bookworm-slim
#   docker build --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:… --build-arg BASE_IMAGE=…@sha256:… .
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
# The C library of the same Debian, certificates, a user 65532, and nothing to run: no shell, no package manager.
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Without the development Node: the image brings its own.
RUN npm ci --ignore-scripts
COPY LICENSE ./
COPY image image
COPY src src
# One bundle of what is used, and a list of what went into it.
RUN npm run bundle && npm run sbom --silent > dist/image/sbom.cdx.json
# Equal sources make an equal image: times of files are not part of it.
RUN find dist/image -exec touch --no-dereference --date=@0 {} +

FROM ${BASE_IMAGE}
ARG REVISION=unknown
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="kube-registrar" \
      org.opencontainers.image.description="Keeps Consul's catalog true to a Kubernetes cluster" \
      org.opencontainers.image.documentation="https://github.com/kube-registrar/kube-registrar#readme" \
      org.opencontainers.image.source="https://github.com/kube-registrar/kube-registrar" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /src/dist/image /app
USER 65532:65532
ENV NODE_ENV=production \
    PATH=/usr/local/bin
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/node", "/app/main.js"]
CMD ["run"]
