# The operator's image: one file on a base that holds Node 24 or newer and nothing else; no shell is needed. `npm run image`
# makes it with docker, podman or buildah. By hand:
#
#   npm run bundle && docker build -t registry.example.com/serin:0.1.0 .
#
# The bundle is made before and not in here: it is the file that the tests have run, the same for every architecture, and the
# build needs no network but for the base. Another base: --build-arg BASE=node:24-slim
ARG BASE=gcr.io/distroless/nodejs24-debian13:nonroot
FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Serin" \
      org.opencontainers.image.description="Progressive delivery for Kubernetes: canary and blue/green releases of the Deployments you already have" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY LICENSE dist/serin.mjs dist/serin.mjs.LEGAL.txt /serin/
# Where distroless and the Node images keep their Node. Name lookups cannot be called off and share the pool: four slow ones
# must not hold all others up. glibc would keep a heap for each of its threads.
ENV PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin NODE_ENV=production UV_THREADPOOL_SIZE=16 MALLOC_ARENA_MAX=2
WORKDIR /
# By number: Kubernetes cannot see that a name is not root. Nothing is written anywhere: the root may be read-only.
USER 65532:65532
# The heap gets three quarters of the memory limit. By itself it would take the whole of it, and the kernel would end the
# operator where a collection would have done. Young objects get 2 MiB and not the default 16: what an answer leaves behind is
# dead soon, and each half that it may grow into stays resident (18 MB). Signals reach the operator as they are: it is PID 1.
ENTRYPOINT ["node", "--max-old-space-size-percentage=75", "--max-semi-space-size=2", "--optimize-for-size", "/serin/serin.mjs"]
CMD ["controller"]
