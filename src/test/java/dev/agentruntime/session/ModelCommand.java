package dev.agentruntime.session;

import dev.agentruntime.protocol.WhenBusy;
import dev.agentruntime.support.TroubledStore.Trouble;

/** What may be done to a session, and to what it stands on. */
sealed interface ModelCommand {

  record Send(String text, WhenBusy whenBusy) implements ModelCommand {}

  /** The last message comes again. */
  record Repeat() implements ModelCommand {}

  record Interrupt() implements ModelCommand {}

  record Unload() implements ModelCommand {}

  record Get() implements ModelCommand {}

  record Sync() implements ModelCommand {}

  record SetModel(String model) implements ModelCommand {}

  record WriteFile() implements ModelCommand {}

  /** Until all that was asked is answered, unless the store is away. */
  record AwaitAnswers() implements ModelCommand {}

  /** Until the turn that runs now is over, unless it would not end by itself. */
  record AwaitTurn() implements ModelCommand {}

  record Store(Trouble trouble) implements ModelCommand {}

  record KillAgents() implements ModelCommand {}

  record LoseSandboxes() implements ModelCommand {}

  record KillServer() implements ModelCommand {}

  record StopServer() implements ModelCommand {}
}
