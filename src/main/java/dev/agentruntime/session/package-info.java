/**
 * Sessions: one verticle per loaded session, with one mailbox and a virtual thread.
 *
 * <p>{@link dev.agentruntime.session.SessionManager} is the entry point; {@code LoadedSessions} keeps the sessions that are in memory, and
 * {@code Housekeeping} does the background work. In a {@code SessionVerticle}, {@code Session} is the state that clients see, which only
 * events change; {@code Intake} accepts messages, {@code TurnRunner} runs them one at a time on the agent that {@code AgentHost} keeps;
 * {@code AgentLink} and {@code AgentVoice} carry the agent's output; {@code Workspace} and {@code Transcripts} watch the files that it
 * writes; {@code Journal} records what was shown, and {@code SessionSync} saves it all to the store, from which {@code SessionLoader}
 * loads the session again.
 *
 * <h2>How nothing is lost, duplicated or left behind</h2>
 * <ul>
 *   <li>A message is stored before it is answered, and marked as delivered before the agent gets it. After a crash, a message that was not
 *       delivered is delivered, and one that was is never delivered again: the agent's output is read from the byte where the turn began,
 *       and blocks that are already known are dropped by their ids.
 *   <li>From before a sandbox is made until it is gone, the session's record says that something is running, so that a later runtime looks
 *       for it.
 *   <li>Every write carries its owner's epoch. The store refuses a write from a superseded owner, and that owner lets the session go.
 * </ul>
 */
package dev.agentruntime.session;
