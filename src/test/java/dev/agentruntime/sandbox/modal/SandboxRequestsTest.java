package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.SandboxNeeds;
import dev.agentruntime.sandbox.SandboxNeeds.Wishes;
import dev.agentruntime.sandbox.SandboxSpec;
import dev.agentruntime.sandbox.SuppliedFiles;
import dev.agentruntime.sandbox.SuppliedFiles.SuppliedFile;
import dev.agentruntime.sandbox.modal.proto.NetworkAccess.NetworkAccessType;
import dev.agentruntime.sandbox.modal.proto.Sandbox;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What Modal is asked for: images and sandboxes. */
class SandboxRequestsTest {

  private static final ModalSandboxOptions OPTIONS = new ModalSandboxOptions("app", "", "", "r", "base:1", 1500, 512, List.of("us-east"),
      "open", List.of("a.example"), List.of("10.0.0.0/8"), 7_200_000, 1000, 90_000, 60_000, 60_000);

  private static Sandbox sandbox(Wishes wishes) {
    SandboxNeeds needs = new SandboxNeeds(List.of(), List.of(), List.of(), List.of(), SuppliedFiles.NONE, wishes);
    return SandboxRequests.create("ap-1", "im-1", OPTIONS, new SandboxSpec("s", List.of(), "c", "e", 1, needs), List.of()).getDefinition();
  }

  @Test
  void aSandboxIsAsTheSettingsSay() {
    Sandbox sandbox = sandbox(Wishes.NONE);
    assertThat(sandbox.getImageId()).isEqualTo("im-1");
    assertThat(sandbox.getResources().getMilliCpu()).isEqualTo(1500);
    assertThat(sandbox.getResources().getMemoryMb()).isEqualTo(512);
    assertThat(sandbox.getTimeoutSecs()).isEqualTo(7200);
    assertThat(sandbox.getIdleTimeoutSecs()).isEqualTo(90);
    assertThat(sandbox.getSchedulerPlacement().getRegionsList()).containsExactly("us-east");
    assertThat(sandbox.getNetworkAccess().getNetworkAccessType()).isEqualTo(NetworkAccessType.OPEN);
    assertThat(sandbox.getEntrypointArgsList()).isEmpty();
  }

  @Test
  void aProfilesWishesGoOverThem() {
    Sandbox sandbox = sandbox(new Wishes(null, 250, 4096, List.of(), "allowlist", List.of("b.example"), null));
    assertThat(sandbox.getResources().getMilliCpu()).isEqualTo(250);
    assertThat(sandbox.getResources().getMemoryMb()).isEqualTo(4096);
    assertThat(sandbox.hasSchedulerPlacement()).isFalse();
    assertThat(sandbox.getNetworkAccess().getNetworkAccessType()).isEqualTo(NetworkAccessType.ALLOWLIST);
    assertThat(sandbox.getNetworkAccess().getAllowedDomainsList()).containsExactly("b.example");
    assertThat(sandbox.getNetworkAccess().getAllowedCidrsList()).containsExactly("10.0.0.0/8");
    assertThat(sandbox(new Wishes(null, null, null, null, "blocked", null, null)).getNetworkAccess().getNetworkAccessType())
        .isEqualTo(NetworkAccessType.BLOCKED);
  }

  @Test
  void anImageHasWhatIsSharedBelowAndAProfilesPackagesAbove() {
    SandboxNeeds needs = new SandboxNeeds(List.of("a-jre"), List.of("cli@1.2.3"), List.of("left-pad@>=1.3"), List.of("requests==2.32.3"),
        SuppliedFiles.NONE, Wishes.NONE);
    List<List<String>> layers = commands(needs);
    assertThat(layers).hasSize(2);
    assertThat(layers.getFirst()).hasSize(3).first().isEqualTo("FROM base:1");
    assertThat(layers.getFirst().get(1)).contains("apt-get install").contains(" a-jre");
    assertThat(layers.getFirst().get(2)).contains("npm install --prefix /agent/image/programs").endsWith("-- 'cli@1.2.3'");
    assertThat(layers.get(1).get(0)).contains("--prefix /agent/image/npm").endsWith("-- 'left-pad@>=1.3'");
    assertThat(layers.get(1).get(1)).contains("--target /agent/image/python").endsWith("-- 'requests==2.32.3'");
    assertThat(commands(SandboxNeeds.NOTHING)).hasSize(1);
    Wishes other = new Wishes("other:2", null, null, null, null, null, null);
    assertThat(commands(new SandboxNeeds(List.of(), List.of(), List.of(), List.of(), SuppliedFiles.NONE, other)).getFirst()).first().isEqualTo("FROM other:2");
  }

  private static List<List<String>> commands(SandboxNeeds needs) {
    return SandboxImage.of(needs, "base:1").layers().stream().map(SandboxImage.Layer::commands).toList();
  }

  @Test
  void filesAreInALayerOfTheirOwnThatIsAnotherIfTheyAre() {
    SandboxImage.Layer layer = files(new SuppliedFile("mcp/a/run", Buffer.buffer("#!/bin/sh"), true));
    assertThat(layer.files().get()).singleElement().satisfies(file -> assertThat(layer.commands().getFirst()).startsWith("COPY " + file.getFilename()));
    assertThat(layer.commands().get(1)).as("where Node.js finds npm's packages").contains(" /agent/image/npm/").doesNotContain("\n");
    assertThat(files(new SuppliedFile("mcp/a/run", Buffer.buffer("#!/bin/sh"), true)).commands()).isEqualTo(layer.commands());
    assertThat(List.of(files(new SuppliedFile("mcp/a/run", Buffer.buffer("#!/bin/ksh"), true)).commands(),
        files(new SuppliedFile("mcp/a/run", Buffer.buffer("#!/bin/sh"), false)).commands(),
        files(new SuppliedFile("mcp/b/run", Buffer.buffer("#!/bin/sh"), true)).commands())).doesNotContain(layer.commands());
  }

  private static SandboxImage.Layer files(SuppliedFile... files) {
    SuppliedFiles supplied = new SuppliedFiles(SuppliedFiles.digestOf(List.of(files)), () -> List.of(files));
    return SandboxImage.of(new SandboxNeeds(List.of(), List.of(), List.of(), List.of(), supplied, Wishes.NONE), "base:1").layers().get(1);
  }
}
