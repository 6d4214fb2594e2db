/**
 * Agent Runtime: runs coding agents in sandboxes and streams what they do.
 *
 * <h2>The rooms</h2>
 * <ul>
 *   <li>{@link dev.agentruntime.Main} is the server as a program, {@link dev.agentruntime.AgentRuntime} puts the parts together, for it and
 *       for applications that embed the runtime.
 *   <li>{@link dev.agentruntime.protocol} is what is said to clients: {@link dev.agentruntime.protocol.SessionEvent},
 *       {@link dev.agentruntime.protocol.Block}, {@link dev.agentruntime.protocol.SessionSnapshot}.
 *   <li>{@link dev.agentruntime.server} is where clients come in: REST, WebSocket, server-sent events, and the fan-out of one frame to many.
 *   <li>{@link dev.agentruntime.session} is the heart: {@link dev.agentruntime.session.SessionManager} is the door, behind it one verticle
 *       per loaded session, its state and its turns.
 *   <li>{@link dev.agentruntime.agent}, {@link dev.agentruntime.sandbox} and {@link dev.agentruntime.persistence} are what can be plugged in:
 *       {@link dev.agentruntime.agent.AgentArchitecture}, {@link dev.agentruntime.sandbox.SandboxProvider} and
 *       {@link dev.agentruntime.persistence.PersistenceAdapter}, each with a contract test of its name.
 *   <li>{@link dev.agentruntime.config} and {@link dev.agentruntime.metrics} serve all.
 * </ul>
 *
 * <h2>The way of a delta</h2>
 * The agent's process writes a line into a file in its sandbox. {@link dev.agentruntime.sandbox.SandboxProcess#readStdout} hands the bytes
 * to the session's context; {@code AgentLink} cuts them into lines, the agent's {@link dev.agentruntime.agent.OutputParser} makes them
 * events, {@code Session} folds each into its state and numbers it, {@link dev.agentruntime.protocol.FrameEncoder} encodes it once,
 * {@link dev.agentruntime.session.EventLog} keeps it for a while, and every event loop writes it to the sockets that it holds.
 */
package dev.agentruntime;
