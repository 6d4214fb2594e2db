/**
 * Agent Runtime: runs coding agents in sandboxes and streams what they do.
 *
 * <h2>The packages</h2>
 * <ul>
 *   <li>{@link dev.agentruntime.Main} is the server as a program. {@link dev.agentruntime.AgentRuntime} puts the parts together, for the
 *       server and for applications that embed the runtime.
 *   <li>{@link dev.agentruntime.protocol} is what is said to clients: {@link dev.agentruntime.protocol.SessionEvent},
 *       {@link dev.agentruntime.protocol.Block}, {@link dev.agentruntime.protocol.SessionSnapshot}.
 *   <li>{@link dev.agentruntime.server} is what clients connect to: REST, WebSocket, server-sent events, and the fan-out of one
 *       frame to many clients.
 *   <li>{@link dev.agentruntime.session} is the core: {@link dev.agentruntime.session.SessionManager} is the entry point, and behind it
 *       is one verticle per loaded session, with its state and its turns.
 *   <li>{@link dev.agentruntime.agent}, {@link dev.agentruntime.sandbox} and {@link dev.agentruntime.persistence} are what can be plugged in:
 *       {@link dev.agentruntime.agent.AgentArchitecture}, {@link dev.agentruntime.sandbox.SandboxProvider} and
 *       {@link dev.agentruntime.persistence.PersistenceAdapter}, each with a contract test of its name.
 *   <li>{@link dev.agentruntime.config} and {@link dev.agentruntime.metrics} serve all of them.
 * </ul>
 *
 * <h2>The path of a delta</h2>
 * The agent's process writes a line to a file in its sandbox. {@link dev.agentruntime.sandbox.SandboxProcess#readStdout} passes the bytes
 * to the session's context. {@code AgentLink} cuts them into lines, and the agent's {@link dev.agentruntime.agent.OutputParser} turns these
 * into events. {@code Session} folds each event into its state and numbers it, {@link dev.agentruntime.protocol.FrameEncoder} encodes it once,
 * {@link dev.agentruntime.session.EventLog} keeps it for a while, and every event loop writes it to the sockets that it holds.
 */
package dev.agentruntime;
