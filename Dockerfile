ARG BUILD_IMAGE=node:24-slim
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12

FROM ${BUILD_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci", "--ignore-scripts"]
COPY src ./src
COPY build ./build
RUN ["node", "build/bundle.ts"]
RUN ["node", "--eval", "fs.mkdirSync('compile-cache')"]

FROM ${BASE_IMAGE}
# Distroless keeps node in a folder of its own, other images in /usr/local/bin.
ENV NODE_ENV=production PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin
WORKDIR /app
COPY --from=build /app/dist ./dist
COPY --from=build --chown=65532:65532 /app/compile-cache ./compile-cache
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
# What Node compiles at every start is compiled now; the cache is its user's own, and nothing is written to it later.
ENV NODE_COMPILE_CACHE=/app/compile-cache
# Of many cores and much memory Node takes 130 MB for young objects alone; with 12 it is no slower here.
ENV NODE_OPTIONS=--max-semi-space-size=4
RUN ["node", "dist/warm-up.js"]
EXPOSE 8080
ENTRYPOINT ["node", "dist/main.js"]
