package dev.agentruntime.agent;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.sandbox.SandboxNeeds;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.time.Clock;
import java.util.function.Consumer;

/**
 * A kind of agent: how it is started, what is said to it, and what its words mean. Prove one with {@code AgentContract}.
 *
 * <p>Threading: methods are called from any thread and never block; they hold no state of a session.
 */
public interface AgentArchitecture {

  /** The contract's word for it: {@code claude-agent-sdk}, {@code opencode}. */
  String type();

  /**
   * Refuses options that this agent does not know, naming each.
   *
   * @throws ApiException {@code INVALID_REQUEST}
   */
  void validateOptions(ObjectNode sessionOptions);

  /** What a sandbox has to have for the agent to start there, if it is not to bring and install everything itself. */
  SandboxNeeds needs(AgentProfile profile);

  /**
   * Works out how to start the agent. Fails with an {@link ApiException} whose message tells the operator what to do, for example when
   * there is no key or no executable.
   *
   * @param progress told what is being done, in words for users; called on any thread
   */
  Future<LaunchPlan> plan(LaunchRequest request, Consumer<String> progress);

  /** A parser for the output of one process, from the start of a turn on. */
  OutputParser parser(Clock clock);

  /**
   * The line that gives the running agent a message.
   *
   * @param profile whose commands the message may call by name; nothing else in a message is taken for an order to the agent's own program
   */
  Buffer message(AgentProfile profile, String messageId, MessageContent content);

  /** The line that stops what the running agent does, its subagents and tools included. */
  Buffer interrupt();

  /**
   * What must be said to a running agent before its next turn, after the options changed: lines for its input, empty if nothing, or
   * {@code null} if it has to be started anew (and resumed).
   */
  Buffer optionsChanged(ObjectNode before, ObjectNode after);

  /** What the agent itself saves of a conversation. */
  TranscriptFormat transcripts();
}
