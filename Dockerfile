# Agent Runtime with Claude Code, Node and Python for what agents install.
#
#   docker build -t agent-runtime .
#   docker run -p 3001:3001 -v agent-runtime:/data -e AGENT_RUNTIME_API_KEYS=… -e ANTHROPIC_API_KEY=… agent-runtime

FROM maven:3.9-eclipse-temurin-25 AS build
WORKDIR /build
# The dependencies, as long as pom.xml stays what it is; the messages, because there is no build without any.
COPY pom.xml ./
COPY src/main/proto src/main/proto
RUN mvn -B -ntp -q package -DskipTests
COPY conf conf
COPY src src
RUN mvn -B -ntp -q package -DskipTests

FROM node:22-bookworm-slim AS claude
# The version that the settings name (claude.version). Only the program itself: it runs without Node.
ARG CLAUDE_VERSION=2.1.330
RUN npm install --prefix /claude --no-audit --no-fund --ignore-scripts "@anthropic-ai/claude-code-linux-$(node -p process.arch)@$CLAUDE_VERSION" \
 && mv "/claude/node_modules/@anthropic-ai/claude-code-linux-$(node -p process.arch)/claude" /usr/local/bin/claude \
 && claude --version

FROM eclipse-temurin:25-jre-noble
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates curl git python3 python3-pip python3-venv ripgrep tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --shell /usr/sbin/nologin agent-runtime \
 && install -d -o agent-runtime -g agent-runtime /data /opt/agent-runtime
COPY --from=node:22-bookworm-slim /usr/local/bin/node /usr/local/bin/node
COPY --from=node:22-bookworm-slim /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
COPY --from=claude /usr/local/bin/claude /usr/local/bin/claude

WORKDIR /opt/agent-runtime
COPY --from=build /build/target/lib lib
COPY --from=build /build/target/agent-runtime.jar ./
COPY src/main/docker/train-aot ./
USER agent-runtime
# The same collector in the training and in the service, whatever the machine: else the cache would not be taken.
RUN ./train-aot agent-runtime.jar agent-runtime.aot -XX:+UseG1GC

ENV AGENT_RUNTIME_HOST=0.0.0.0 AGENT_RUNTIME_DATA_DIR=/data
VOLUME /data
EXPOSE 3001
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["curl", "-fsS", "-m", "2", "http://127.0.0.1:3001/health"]
# tini: agents leave processes behind that somebody has to reap. Half of the memory is left to the agents; the other is the heap from the
# start, as a collector that has to make do with less of it works the more.
ENTRYPOINT ["tini", "--", "java", "-XX:+UseG1GC", "-XX:InitialRAMPercentage=50", "-XX:MaxRAMPercentage=50", "-XX:AOTCache=agent-runtime.aot", "-jar", "agent-runtime.jar"]
