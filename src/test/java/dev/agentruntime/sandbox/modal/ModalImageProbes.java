package dev.agentruntime.sandbox.modal;

import static dev.agentruntime.sandbox.modal.ModalProbe.finished;
import static dev.agentruntime.sandbox.modal.ModalRig.await;
import static dev.agentruntime.sandbox.modal.ModalRig.read;

import dev.agentruntime.sandbox.SandboxNeeds;
import dev.agentruntime.sandbox.SandboxNeeds.Wishes;
import dev.agentruntime.sandbox.SuppliedFiles;
import dev.agentruntime.sandbox.SuppliedFiles.SuppliedFile;
import dev.agentruntime.sandbox.modal.proto.SandboxCreateV2Request;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The questions of {@link ModalProbe} about what the runtime makes of Modal's images. They block. */
final class ModalImageProbes {

  private static final long BUILD_MINUTES = 15;

  private static final List<SuppliedFile> FILES = List.of(new SuppliedFile("probe/run", Buffer.buffer("#!/bin/sh\necho here"), true));

  private static final SandboxNeeds NEEDS = new SandboxNeeds(List.of(), List.of("@anthropic-ai/claude-code@2.1.330"), List.of("left-pad@1.3.0"),
      List.of("six==1.17.0"), new SuppliedFiles(SuppliedFiles.digestOf(FILES), () -> FILES), Wishes.NONE);

  private static final String CONTENTS = """
      PATH="$AGENT_PATH:$PATH"
      say() { name=$1; shift; echo "$name: $("$@" 2>&1 || echo missing)" | tr '\\n' ' ' | cut -c1-80; }
      say claude claude --version
      say npm node -e 'console.log(require("left-pad")("x", 2))'
      say pip python3 -c 'import six; print(six.__version__)'
      say file "$1/probe/run"
      """;

  private static final String WATCH = """
      node -e '
      const fs = require("fs");
      const folder = fs.mkdtempSync("/tmp/watched-");
      fs.watch(folder, (event, name) => { console.log("yes, " + event + " of " + name); process.exit(0); });
      setTimeout(() => fs.writeFileSync(folder + "/file", "x"), 200);
      setTimeout(() => { console.log("no, nothing in 5 s"); process.exit(0); }, 5200);'
      """;

  private final ModalClient client;
  private final ModalAccount account;
  private final ModalBed bed;
  private CommandRouter router;

  ModalImageProbes(ModalClient client, ModalAccount account, ModalBed bed) {
    this.client = client;
    this.account = account;
    this.bed = bed;
  }

  String image() throws TimeoutException {
    long before = System.nanoTime();
    String imageId = new ModalImages(client, account).get(SandboxImage.of(NEEDS, ModalBed.BASE_IMAGE), line -> { })
        .await(BUILD_MINUTES, TimeUnit.MINUTES);
    long seconds = Duration.ofNanos(System.nanoTime() - before).toSeconds();
    SandboxCreateV2Request.Builder request = bed.request();
    request.getDefinitionBuilder().setImageId(imageId);
    router = bed.router(request.build());
    ExecSpec exec = new ExecSpec(UUID.randomUUID().toString(), List.of("sh", "-c", CONTENTS, "sh", FilesLayer.folder(NEEDS.files())),
        Map.copyOf(SandboxImage.ENVIRONMENT), null, null);
    await(router.start(exec));
    await(router.exit(exec.execId()));
    return "after " + seconds + " s; " + String.join("; ", read(router, exec.execId(), 0).lines().map(String::strip).toList());
  }

  String inotify() {
    return read(built(), finished(built(), WATCH), 0).strip();
  }

  String leftBehind() {
    String pid = read(built(), finished(built(), "setsid sleep 300 >/dev/null 2>&1 & echo $!"), 0).strip();
    return read(built(), finished(built(), "kill -0 " + pid + " 2>/dev/null && echo yes || echo no"), 0).strip();
  }

  private CommandRouter built() {
    if (router == null) {
      throw new IllegalStateException("there is no image to ask it in");
    }
    return router;
  }
}
