package dev.agentruntime.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException.Detail;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.WorkspaceFile.Encoding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProfileLoaderTest {

  @TempDir Path dir;

  @Test
  void theProgramComesWithClaudeCodeAndADemo() {
    Map<String, AgentProfile> profiles = ProfileLoader.load(null, Map.of());
    assertThat(profiles.keySet()).containsExactly("default", "demo");
    assertThat(profiles.get("default").architecture()).isEqualTo("claude-agent-sdk");
    assertThat(profiles.get("default").command()).isEmpty();
    assertThat(profiles.get("default").tools()).isNull();
    assertThat(profiles.get("demo").command()).containsExactly("demo");
    assertThat(profiles.values()).allSatisfy(profile -> {
      assertThat(profile.name()).isNotBlank();
      assertThat(profile.description()).isNotBlank();
    });
  }

  @Test
  void everyFieldIsRead() throws IOException {
    Files.writeString(dir.resolve("reviewer.json"), """
        // what a team uses
        {
          "$schema": "agent-profile.schema.json",
          "name": "Reviewer", "description": "Reads.", "architecture": "claude-agent-sdk", "command": ["claude", "--x"],
          "systemPrompt": "Be brief.", "agentMDFile": "# Rules", "tools": ["Read", "Grep"],
          "skills": [{"name": "pdf", "description": "PDFs", "skillMd": "# PDF",
            "supportingFiles": [{"path": "bin/x", "content": "AAE=", "encoding": "base64"}]}],
          "subagents": [{"name": "tester", "description": "Tests.", "prompt": "Test it.", "model": "small", "tools": ["Bash"]}],
          "commands": [{"name": "check", "prompt": "Check $ARGUMENTS"}],
          "bundledMCPs": [{"name": "own", "files": [{"path": "s.py", "content": "pass"}], "command": "python3", "args": ["s.py"],
            "env": {"TOKEN": "${TEAM_TOKEN}"}}],
          "externalMCPs": [{"name": "far", "type": "http", "url": "https://example.org/mcp", "headers": {"Authorization": "Bearer ${TEAM_TOKEN}"}},
            {"name": "near", "command": "npx", "args": ["-y", "thing"], "env": {"A": "b"}}],
          "npmDependencies": ["left-pad@1.3.0", "@scope/name"], "pipDependencies": ["requests==2.32.3", "httpx[http2]>=0.27,<1"],
          "environmentVariables": {"PLAIN": "x", "BOTH": "a-${TEAM_TOKEN}-$${TEAM_TOKEN}-$5"},
          "defaultWorkspaceFiles": [{"path": ".env/..x/a b.txt", "content": "hi"}],
          "sessionOptions": {"model": "big", "env": {"note": "${NOT_TOUCHED}"}}
        }""");
    AgentProfile profile = ProfileLoader.load(dir, Map.of("TEAM_TOKEN", "t$0p")).get("reviewer");

    assertThat(profile.id()).isEqualTo("reviewer");
    assertThat(profile.name()).isEqualTo("Reviewer");
    assertThat(profile.description()).isEqualTo("Reads.");
    assertThat(profile.command()).containsExactly("claude", "--x");
    assertThat(profile.systemPrompt()).isEqualTo("Be brief.");
    assertThat(profile.agentMDFile()).isEqualTo("# Rules");
    assertThat(profile.tools()).containsExactly("Read", "Grep");
    assertThat(profile.skills()).singleElement().satisfies(skill -> {
      assertThat(skill.skillMd()).isEqualTo("# PDF");
      assertThat(skill.supportingFiles().getFirst().encoding()).isEqualTo(Encoding.BASE64);
    });
    assertThat(profile.subagents()).containsExactly(new AgentProfile.Subagent("tester", "Tests.", "Test it.", "small", List.of("Bash")));
    assertThat(profile.commands()).containsExactly(new AgentProfile.Command("check", "Check $ARGUMENTS"));
    assertThat(profile.bundledMCPs().getFirst().env()).containsExactly(Map.entry("TOKEN", "t$0p"));
    assertThat(profile.bundledMCPs().getFirst().files()).hasSize(1);
    assertThat(profile.externalMCPs().getFirst().headers()).containsExactly(Map.entry("Authorization", "Bearer t$0p"));
    assertThat(profile.externalMCPs().get(1).args()).containsExactly("-y", "thing");
    assertThat(profile.npmDependencies()).hasSize(2);
    assertThat(profile.pipDependencies()).hasSize(2);
    assertThat(profile.environmentVariables()).containsOnly(
        Map.entry("PLAIN", "x"), Map.entry("BOTH", "a-t$0p-${TEAM_TOKEN}-$5"));
    assertThat(profile.defaultWorkspaceFiles().getFirst().path()).isEqualTo(".env/..x/a b.txt");
    assertThat(profile.sessionOptions().path("env").path("note").asText()).isEqualTo("${NOT_TOUCHED}");
  }

  @Test
  void everyMistakeInEveryFileIsReportedAtOnce() throws IOException {
    Files.writeString(dir.resolve("a.json"), """
        {"nam": "A", "architecture": 3, "skills": [{"name": "x", "skilMd": ""}],
         "externalMCPs": [{"name": "far", "type": "http", "command": "x"}],
         "environmentVariables": {"a b": "1", "NUL": "a\\u0000b"}, "defaultWorkspaceFiles": [{"path": "a/../b", "content": ""}]}""");
    Files.writeString(dir.resolve("b.json"), "{\n\"name\": }");
    Files.writeString(dir.resolve("c.json"), """
        {"name": "C", "architecture": "claude-agent-sdk", "environmentVariables": {"A": "${MISSING}", "B": "${GONE}"},
         "defaultWorkspaceFiles": [{"path": "x", "content": "***", "encoding": "base64"}]}""");
    Files.writeString(dir.resolve("d.json"), """
        {"name": "D", "architecture": "claude-agent-sdk", "commands": [{"name": "Go", "prompt": ""}, {"name": "go", "prompt": ""}]}""");
    Files.writeString(dir.resolve("e f.json"), "[]");
    Files.writeString(dir.resolve("notes.txt"), "not a profile");

    assertThat(problems(dir)).containsExactlyInAnyOrder(
        new Detail("a.json", "\"nam\" is not a field; did you mean name?"),
        new Detail("a.json", "\"name\" is missing"),
        new Detail("a.json /architecture", "must be of type string, not integer"),
        new Detail("a.json /skills/0", "\"skilMd\" is not a field; did you mean skillMd?"),
        new Detail("a.json /skills/0", "\"skillMd\" is missing"),
        new Detail("a.json /externalMCPs/0", "\"url\" is missing"),
        new Detail("a.json /externalMCPs/0/command", "does not go with this type of server"),
        new Detail("a.json /environmentVariables/NUL", "is not a text without NUL, which no process could be given"),
        new Detail("a.json /environmentVariables", "\"a b\" is not letters, digits and _, not beginning with a digit"),
        new Detail("a.json /defaultWorkspaceFiles/0/path", "is not a relative path with / between its parts"),
        new Detail("b.json, line 2", "is not JSON: Unexpected character ('}' (code 125)): expected a valid value "
            + "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"),
        new Detail("c.json /environmentVariables/A", "refers to MISSING, which is not set in the server's environment, or not allowed by the setting profileVariables"),
        new Detail("c.json /environmentVariables/B", "refers to GONE, which is not set in the server's environment, or not allowed by the setting profileVariables"),
        new Detail("c.json /defaultWorkspaceFiles/0/content", "is not Base64"),
        new Detail("d.json /commands/1/name", "\"go\" is there twice"),
        new Detail("e f.json", "is not a profile's id: up to 128 letters, digits and . _ -, beginning with a letter or digit"),
        new Detail("e f.json", "must be of type object, not array"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"--registry=http://evil", "a b", "-x", "a;b", "../a", "", "$(x)"})
  void whatCouldBeAnArgumentIsNoDependency(String name) {
    ObjectNode document = Json.object().put("name", "x").put("architecture", "claude-agent-sdk");
    document.putArray("npmDependencies").add(name);
    document.putArray("pipDependencies").add(name);
    document.putArray("skills").addObject().put("name", name).put("skillMd", "");
    assertThat(catchThrowableOfType(InvalidProfileException.class, () -> ProfileLoader.parse("x", document, Map.of())).problems())
        .extracting(Detail::path).containsExactlyInAnyOrder("/npmDependencies/0", "/pipDependencies/0", "/skills/0/name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/etc/passwd", "..", "../x", "a/..", "a//b", "./a", "a/", ""})
  void whatLeavesTheWorkspaceIsNoFile(String path) {
    ObjectNode document = Json.object().put("name", "x").put("architecture", "claude-agent-sdk");
    document.putArray("defaultWorkspaceFiles").addObject().put("path", path).put("content", "");
    assertThatThrownBy(() -> ProfileLoader.parse("x", document, Map.of())).hasMessageContaining("/defaultWorkspaceFiles/0/path");
  }

  @Test
  void aDocumentOfTheStoreIsReadAlikeAndLeftAsItWas() {
    ObjectNode document = Json.object().put("name", "Stored").put("architecture", "opencode");
    document.putObject("environmentVariables").put("A", "${B}");
    ObjectNode before = document.deepCopy();
    AgentProfile profile = ProfileLoader.parse("stored", document, Map.of("B", "hush"));
    assertThat(profile.environmentVariables()).containsEntry("A", "hush");
    assertThat(profile.toString()).doesNotContain("hush");
    assertThat(document).isEqualTo(before);
  }

  @Test
  void aDirectoryThatIsNotThereIsAnError() {
    assertThat(problems(dir.resolve("none"))).singleElement()
        .satisfies(problem -> assertThat(problem.path()).endsWith("none"));
  }

  private static List<Detail> problems(Path directory) {
    return catchThrowableOfType(InvalidProfileException.class, () -> ProfileLoader.load(directory, Map.of())).problems();
  }
}
