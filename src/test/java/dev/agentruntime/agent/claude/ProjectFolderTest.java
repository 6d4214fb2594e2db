package dev.agentruntime.agent.claude;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The long name is that of a folder that the real CLI made. */
class ProjectFolderTest {

  @Test
  void lettersAndDigitsStay() {
    assertThat(ProjectFolder.of("/workspace")).isEqualTo("-workspace");
    assertThat(ProjectFolder.of("/a_b/C.9 d")).isEqualTo("-a-b-C-9-d");
  }

  @Test
  void aLongPathIsCutOffAndToldApart() {
    String part = "/work-0_\u00e9\ud83d\ude00" + "d".repeat(30);
    String replaced = "-work-0----" + "d".repeat(30);
    assertThat(ProjectFolder.of("/tmp/sessions" + part.repeat(5) + "/workspace"))
        .isEqualTo(("-tmp-sessions" + replaced.repeat(5)).substring(0, 200) + "-usjkmq");
  }
}
