# vserve in a container. From the root of a checkout:
#
#   docker build --tag vserve .
#   docker build --tag vserve:cuda --target cuda .
#   docker run --rm --publish 8000:8000 --volume vserve:/var/lib/vserve vserve serve --model google/gemma-3-4b-it
#
# with `--gpus all` and `vserve:cuda` on machines that have NVIDIA's container toolkit.

# The image has a compiler, make and git; CMake comes from npm.
FROM node:24-bookworm AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run package

# As users install it. What node-llama-cpp brings for building llama.cpp, and for other devices, is left out below.
FROM build AS installed
WORKDIR /opt/vserve
RUN npm install --ignore-scripts --no-audit --no-fund --omit=dev /src/packages/*.tgz \
  && rm -rf node_modules/@node-llama-cpp/*-vulkan node_modules/@node-llama-cpp/*-armv7l node_modules/@vserve/*/*-vulkan \
    node_modules/node-llama-cpp/llama/gitRelease.bundle node_modules/vserve/dist/llama.cpp

FROM installed AS installed-cpu
RUN rm -rf node_modules/@node-llama-cpp/*-cuda node_modules/@node-llama-cpp/*-cuda-ext node_modules/@vserve/*/*-cuda

FROM node:24-bookworm-slim AS base
# Certificates for the Hub, FFmpeg for videos, tini for signals. Security updates change versions: they are not pinned.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates ffmpeg tini \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --system --gid 10001 vserve \
  && useradd --system --uid 10001 --gid vserve --home-dir /var/lib/vserve --create-home vserve \
  && ln -s /opt/vserve/node_modules/vserve/bin/vserve.js /usr/local/bin/vserve
ENV NODE_ENV=production VSERVE_HOME=/var/lib/vserve
USER 10001:10001
WORKDIR /var/lib/vserve
VOLUME /var/lib/vserve
# Requests, and metrics.
EXPOSE 8000 8001
# 503 while the model is fetched, converted and loaded: the first start may take long.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30m --retries=3 \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.MAX_SERVE_PORT || 8000}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "vserve"]
CMD ["serve", "--help"]

FROM base AS cuda
# What NVIDIA's container toolkit gives to the container. cuBLAS and the CUDA runtime are in node-llama-cpp's packages.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=installed /opt/vserve /opt/vserve

FROM base AS cpu
COPY --from=installed-cpu /opt/vserve /opt/vserve
