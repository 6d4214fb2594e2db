package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.TestClient;
import dev.agentruntime.support.TestMetrics;
import dev.agentruntime.support.TestServer;
import dev.agentruntime.support.Viewer;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The figures that an operator is promised are there, and move with what happens. */
class MetricsIT {

  @TempDir
  Path directory;

  @Test
  void theFiguresTellWhatHappens() {
    try (TestServer server = TestServer.start(directory, Map.of())) {
      TestClient client = server.client();
      TestMetrics before = TestMetrics.of(client);
      for (String name : new String[] {"sessions_loaded", "turns_running", "messages_queued", "sockets_open", "events_total", "frames_out_total",
          "bytes_out_total", "sandbox_starts_total", "sandbox_failures_total", "persistence_failures_total", "first_delta_seconds_count"}) {
        assertThat(before.value("agent_runtime_" + name)).as(name).isZero();
      }

      String id = client.newSession();
      try (Viewer viewer = new Viewer(client, id)) {
        String running = client.say(id, "say hello; silent");
        viewer.until(frame -> frame.path("event").asText().equals("session:block:delta"));
        String waiting = client.say(id, "say more");
        TestMetrics busy = TestMetrics.of(client);
        assertThat(busy.value("agent_runtime_sessions_loaded")).isEqualTo(1);
        assertThat(busy.value("agent_runtime_sockets_open")).isEqualTo(1);
        assertThat(busy.value("agent_runtime_turns_running")).isEqualTo(1);
        assertThat(busy.value("agent_runtime_messages_queued")).isEqualTo(1);
        assertThat(busy.value("agent_runtime_sandbox_starts_total")).isEqualTo(1);
        assertThat(busy.value("agent_runtime_sandbox_start_seconds_count")).isEqualTo(1);
        assertThat(busy.value("agent_runtime_first_delta_seconds_count")).isEqualTo(1);
        assertThat(busy.value("agent_runtime_persistence_seconds_count")).isGreaterThan(before.value("agent_runtime_persistence_seconds_count"));

        client.post("/sessions/" + id + "/interrupt", "{}");
        viewer.turn(running);
        viewer.turn(waiting);
        TestMetrics after = TestMetrics.reaching(client, "agent_runtime_frames_out_total", viewer.events().size());
        assertThat(after.value("agent_runtime_events_total")).isGreaterThanOrEqualTo(viewer.events().size());
        assertThat(after.value("agent_runtime_bytes_out_total")).isGreaterThan(viewer.events().size() * 50.0);
        assertThat(after.value("agent_runtime_turns_running")).isZero();
        assertThat(after.value("agent_runtime_messages_queued")).isZero();
        assertThat(after.value("agent_runtime_turn_seconds_count")).isEqualTo(2);
      }
      client.post("/sessions/" + id + "/unload", "{}");
      assertThat(TestMetrics.of(client).value("agent_runtime_sessions_loaded")).isZero();
    }
  }
}
