package dev.agentruntime.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.SubagentStatus;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever an agent says, what clients are told keeps the rules of the stream. */
class SessionPropertyTest {

  @Provide
  Arbitrary<List<List<SessionEvent>>> turns() {
    return RandomEvents.any().list().ofMaxSize(40).list().ofMinSize(1).ofMaxSize(3);
  }

  @Property(tries = 250, edgeCases = EdgeCasesMode.NONE)
  void theFoldIsTheSnapshotAtEveryNumber(@ForAll("turns") List<List<SessionEvent>> turns) {
    SessionRig rig = new SessionRig();
    for (List<SessionEvent> turn : turns) {
      rig.beginTurn();
      for (SessionEvent event : turn) {
        rig.session.apply(event);
        assertThat(rig.fold().snapshot()).isEqualTo(rig.snapshot());
      }
      rig.endTurn();
      assertThat(rig.fold().open()).isEmpty();
      assertThat(rig.fold().snapshot()).isEqualTo(rig.snapshot());
    }
    assertThat(rig.frames).extracting(Frame::seq).doesNotHaveDuplicates().isSorted().hasSize((int) rig.session.seq());
  }

  @Property(tries = 250, edgeCases = EdgeCasesMode.NONE)
  void theJournalTellsTheSame(@ForAll("turns") List<List<SessionEvent>> turns) {
    SessionRig rig = new SessionRig();
    for (List<SessionEvent> turn : turns) {
      rig.beginTurn();
      turn.forEach(rig.session::apply);
      rig.endTurn();
    }
    SessionSnapshot shown = rig.snapshot();
    SessionSnapshot reloaded = rig.reloaded();
    assertThat(reloaded.blocks()).isEqualTo(shown.blocks());
    assertThat(reloaded.subagents()).isEqualTo(shown.subagents());
    assertThat(reloaded.usage()).isEqualTo(shown.usage());
  }

  @Property(tries = 150, edgeCases = EdgeCasesMode.NONE)
  void anAgentThatIsGoneLeavesNothingRunning(@ForAll("turns") List<List<SessionEvent>> turns) {
    SessionRig rig = new SessionRig();
    turns.forEach(turn -> turn.forEach(rig.session::apply));
    rig.session.agentEnded();

    assertThat(rig.fold().open()).isEmpty();
    assertThat(rig.fold().subagents()).noneMatch(subagent -> subagent.status() == SubagentStatus.RUNNING);
    assertThat(rig.reloaded().subagents()).isEqualTo(rig.snapshot().subagents());
    assertThat(rig.reloaded().blocks()).isEqualTo(rig.snapshot().blocks());
  }
}
