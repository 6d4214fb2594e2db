package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.buffer.Buffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Looks in a store for what {@link SavingProcess} has saved, as the lines say that it printed. */
public interface SavedByProcesses extends StoreUnderTest {

  /** @param saved lines of all the processes that there were */
  default void checkAllAreThere(List<String> saved, int sessions) {
    Map<String, Integer> rounds = new HashMap<>();
    Map<String, Map<String, Integer>> files = new HashMap<>();
    for (String line : saved) {
      String[] words = line.split(" ");
      int round = Integer.parseInt(words[2]);
      switch (words[0]) {
        case "transcript" -> rounds.merge(words[1], round, Math::max);
        case "file" -> files.computeIfAbsent(words[1], id -> new HashMap<>()).merge(SavingProcess.path(round), round, Math::max);
        default -> throw new AssertionError(line);
      }
    }
    assertThat(rounds).hasSize(sessions);
    assertThat(await(store().listAllSessions(1_000, null)).sessions()).extracting(SessionRecord::sessionId)
        .containsExactlyInAnyOrderElementsOf(rounds.keySet());
    rounds.forEach(this::checkTranscript);
    files.forEach((id, byPath) -> byPath.forEach((path, round) -> checkFile(id, path, round)));
  }

  /** All the rounds that were complete, in order; of those after it whole ones only. */
  private void checkTranscript(String id, int complete) {
    Buffer stored = await(store().readTranscript(id, "t", 0, Integer.MAX_VALUE));
    int round = 0;
    int at = 0;
    while (at < stored.length()) {
      Buffer line = SavingProcess.line(id, round++);
      assertThat(stored.length()).isGreaterThanOrEqualTo(at + line.length());
      assertThat(stored.getBuffer(at, at + line.length()).equals(line)).as("round " + round).isTrue();
      at += line.length();
    }
    assertThat(round).isGreaterThan(complete);
  }

  /** The file of the last complete round, or of the next one of that path. */
  private void checkFile(String id, String path, int complete) {
    Buffer stored = await(store().readWorkspaceFile(id, path, 0, Integer.MAX_VALUE));
    int next = complete + 5 * SavingProcess.FILE_EVERY;
    assertThat(stored.equals(SavingProcess.file(id, complete)) || stored.equals(SavingProcess.file(id, next))).as(path).isTrue();
  }
}
