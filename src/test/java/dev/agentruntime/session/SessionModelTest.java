package dev.agentruntime.session;

import dev.agentruntime.protocol.WhenBusy;
import dev.agentruntime.support.TroubledStore.Trouble;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/**
 * Whatever is asked of a session in whatever order, and whatever dies or fails meanwhile: what was accepted is run once and ends once, in
 * order, what was refused is not run, and every stream keeps its rules.
 */
class SessionModelTest {

  @Property(tries = 60, edgeCases = EdgeCasesMode.NONE)
  void everyAcceptedMessageEndsOnceInOrder(@ForAll("commands") List<ModelCommand> commands) {
    try (SessionModel model = new SessionModel()) {
      commands.forEach(model::run);
      model.assertAllEnded();
    }
  }

  @Example
  void aTurnIsTakenUpWhileTheStoreTakesNothing() {
    try (SessionModel model = new SessionModel()) {
      List.of(new ModelCommand.Send("hang", WhenBusy.ENQUEUE), new ModelCommand.AwaitAnswers(), new ModelCommand.Sync(),
          new ModelCommand.AwaitAnswers(), new ModelCommand.Store(Trouble.FAILS), new ModelCommand.KillServer()).forEach(model::run);
      model.assertAllEnded();
    }
  }

  @Provide
  Arbitrary<List<ModelCommand>> commands() {
    return Arbitraries.frequencyOf(
        Tuple.of(12, messages()),
        Tuple.of(4, Arbitraries.of(new ModelCommand.Interrupt())),
        Tuple.of(4, Arbitraries.of(new ModelCommand.AwaitAnswers())),
        Tuple.of(3, Arbitraries.of(new ModelCommand.AwaitTurn())),
        Tuple.of(2, Arbitraries.of(new ModelCommand.Unload())),
        Tuple.of(2, Arbitraries.of(new ModelCommand.Get())),
        Tuple.of(1, Arbitraries.of(new ModelCommand.Sync())),
        Tuple.of(2, Arbitraries.of("one", "two").map(ModelCommand.SetModel::new)),
        Tuple.of(3, Arbitraries.of(Trouble.NONE, Trouble.FAILS, Trouble.LOSES_ANSWERS).map(ModelCommand.Store::new)),
        Tuple.of(2, Arbitraries.of(new ModelCommand.KillAgents())),
        Tuple.of(1, Arbitraries.of(new ModelCommand.LoseSandboxes())),
        Tuple.of(2, Arbitraries.of(new ModelCommand.KillServer())),
        Tuple.of(1, Arbitraries.of(new ModelCommand.StopServer())),
        Tuple.of(1, Arbitraries.of(new ModelCommand.Repeat())),
        Tuple.of(1, Arbitraries.of(new ModelCommand.WriteFile()))).list().ofMinSize(3).ofMaxSize(25);
  }

  private static Arbitrary<ModelCommand> messages() {
    return Combinators.combine(Arbitraries.frequency(Tuple.of(5, "say something"), Tuple.of(3, "hang"), Tuple.of(1, "silent"),
        Tuple.of(1, "die"), Tuple.of(1, "own")), Arbitraries.of(WhenBusy.class)).as(ModelCommand.Send::new);
  }
}
