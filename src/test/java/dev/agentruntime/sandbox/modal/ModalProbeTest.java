package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.modal.ModalProbe.Finding;
import dev.agentruntime.sandbox.modal.ModalProbe.Scale;
import dev.agentruntime.support.NpmRegistry;
import dev.agentruntime.support.Python;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.modal.Fault;
import io.vertx.grpc.common.GrpcStatus;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The probe asks what it should, and cleans up. That the fake answers so says nothing about Modal. */
@Execution(ExecutionMode.CONCURRENT)
class ModalProbeTest {

  private static final Scale SMALL = new Scale(1_000_000, Duration.ofMillis(100), Duration.ofSeconds(2), 8);

  @TempDir
  private Path directory;

  /** What the image of the questions has in it. */
  private void offerPackages(ModalRig rig) throws Exception {
    Path npm = Files.createDirectories(directory.resolve("left-pad"));
    Files.writeString(npm.resolve("index.js"), "module.exports = (text, length) => text.padStart(length, '_');\n");
    NpmRegistry registry = NpmRegistry.start(rig.vertx);
    registry.publish(npm, "left-pad", "1.3.0", "index.js");
    Path wheels = directory.resolve("wheels");
    Python.wheel(wheels, "six", "1.17.0", "__version__ = '1.17.0'\n");
    rig.modal.provide(wheels);
    rig.modal.variable("NPM_CONFIG_REGISTRY", registry.url());
    rig.modal.variable("PIP_NO_INDEX", "1");
    rig.modal.variable("PIP_FIND_LINKS", wheels.toString());
  }

  @Test
  void everyOpenQuestionIsAskedAndAnswered() throws Exception {
    try (ModalRig rig = new ModalRig(directory.resolve("modal"))) {
      offerPackages(rig);
      List<String> progress = new ArrayList<>();
      List<Finding> findings = ModalProbe.run(rig.vertx, rig.options, "", "", SMALL, progress::add);
      assertThat(progress).hasSize(28).startsWith("P1 " + findings.getFirst().question())
          .anySatisfy(line -> assertThat(line).startsWith("   " + findings.getFirst().answer()));
      assertThat(findings).extracting(Finding::id)
          .containsExactly("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12", "P13", "P14");
      assertThat(findings).allMatch(Finding::answered);
      Map<String, String> answers = findings.stream().collect(Collectors.toMap(Finding::id, Finding::answer));
      assertThat(answers.get("P1")).startsWith("8: OK, 9: OK");
      assertThat(answers.get("P2")).contains("1000000 from the start and 500000 from the middle");
      assertThat(answers.get("P3")).contains("one: OK, 35 bytes; other: OK, 35 bytes");
      assertThat(answers.get("P4")).isEqualTo("first OK, overlap OK, gap INVALID_ARGUMENT, end OK; the process read \"abcd\"");
      assertThat(answers.get("P5")).startsWith("OK");
      assertThat(answers.get("P6")).endsWith("for 1000000");
      assertThat(answers.get("P7")).contains("with the process runs, without one ended (it was idle for too long)");
      assertThat(answers.get("P8")).containsPattern("code|signal");
      assertThat(answers.get("P9")).isEqualTo("the same each of 6 times");
      assertThat(answers.get("P10")).isEqualTo("{OK=8} of 8 at once");
      assertThat(answers.get("P11")).containsPattern("auth token \\d+ s, router's JWT \\d+ s");
      assertThat(answers.get("P12")).contains("claude: ", "npm: _x", "pip: 1.17.0", "file: here");
      assertThat(answers.get("P13")).isEqualTo("yes, rename of file");
      assertThat(answers.get("P14")).isEqualTo("yes");
      SandboxTraces.await(() -> rig.modal.alive().isEmpty(), () -> "left: " + rig.modal.alive());
      assertThat(ModalProbe.table(findings).lines()).hasSize(16).allMatch(line -> line.startsWith("| ") || line.startsWith("|-"));
    }
  }

  @Test
  void whatCannotBeAskedIsSaidAndTheRestIsAsked() throws Exception {
    try (ModalRig rig = new ModalRig(directory.resolve("modal"))) {
      offerPackages(rig);
      rig.modal.meet(ModalRpc.EXEC_START, Fault.refuse(GrpcStatus.UNIMPLEMENTED));
      rig.modal.meet(ModalRpc.SANDBOX_LIST, Fault.throttle(Duration.ofMillis(1)));
      Map<String, Finding> findings = ModalProbe.run(rig.vertx, rig.options, "", "", SMALL, said -> { }).stream()
          .collect(Collectors.toMap(Finding::id, Function.identity()));
      assertThat(findings.get("P2").answered()).isFalse();
      assertThat(findings.get("P2").answer()).contains("could not be asked");
      assertThat(findings.values().stream().filter(Finding::answered)).hasSize(13);
      SandboxTraces.await(() -> rig.modal.alive().isEmpty(), () -> "left: " + rig.modal.alive());
    }
  }

  @Test
  void throttlingIsSeenInABurst() {
    try (ModalRig rig = new ModalRig(directory.resolve("modal"))) {
      rig.imageId();
      ModalProbes probes = new ModalProbes(rig.vertx, rig.options, rig.client, new ModalBed(rig.client, ModalBed.account(rig.client, "", ""), 60), SMALL);
      rig.modal.meet(ModalRpc.SANDBOX_CREATE, 3, Fault.throttle(Duration.ofMillis(1500)));
      assertThat(probes.burst()).isEqualTo("{OK=5, RESOURCE_EXHAUSTED with RPCRetryPolicy of 1500 ms=3} of 8 at once");
    }
  }
}
