package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.SessionEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class SnapshotStateTest {

  private static final String TEXT = "some \"text\" ü 🙂\n";

  private final SessionRig rig = new SessionRig();

  private void add(int deltas) {
    for (int i = 0; i < deltas; i++) {
      rig.session.apply(new SessionEvent.BlockDelta(SessionEvent.MAIN, "b", TEXT));
    }
  }

  private void begin() {
    rig.beginTurn();
    rig.session.apply(new SessionEvent.BlockStart(SessionEvent.MAIN, new Block.AssistantText("b", "2025-10-30T10:26:42Z", "", "m")));
  }

  @Test
  void aStateGivesTheSameJsonWhateverHappensMeanwhile() throws IOException {
    begin();
    add(3_000);
    assertThat(Json.tree(rig.session.encodedSnapshot().json())).isEqualTo(Json.tree(Json.bytes(rig.session.snapshot())));
    Joined then = rig.session.join(null);
    add(3_000);
    rig.endTurn();
    ByteArrayOutputStream again = new ByteArrayOutputStream();
    Json.write(then.state(), again);
    assertThat(again.toByteArray()).isEqualTo(then.snapshot());
  }

  @Test
  void aLongTextComesInSeveralDeltas() {
    begin();
    // The pairs of the characters outside of the BMP begin at odd places, so that some would be cut.
    String text = "a" + "🙂".repeat(30_000);
    rig.session.apply(new SessionEvent.BlockComplete(SessionEvent.MAIN, "b", new Block.AssistantText("b", "2025-10-30T10:26:42Z", text, "m")));
    rig.endTurn();
    StringBuilder deltas = new StringBuilder();
    for (var frame : rig.frames) {
      if (frame.event() instanceof SessionEvent.BlockDelta delta) {
        assertThat(delta.delta()).hasSizeLessThanOrEqualTo(16 * 1024);
        assertThat(Character.isHighSurrogate(delta.delta().charAt(delta.delta().length() - 1))).isFalse();
        deltas.append(delta.delta());
      }
    }
    assertThat(deltas.toString()).isEqualTo(text);
    assertThat(rig.fold().snapshot()).isEqualTo(rig.snapshot());
  }
}
