/**
 * Sessions: one verticle per loaded session, with one mailbox and a virtual thread.
 *
 * <p>{@link dev.agentruntime.session.SessionManager} is the door; {@code LoadedSessions} keeps who is in memory and {@code Housekeeping} does
 * what nobody asks for. In a {@code SessionVerticle}, {@code Session} is the state that clients see and changes by events only;
 * {@code Intake} accepts messages, {@code TurnRunner} runs them one at a time on the agent that {@code AgentHost} keeps;
 * {@code AgentLink} and {@code AgentVoice} carry what the agent says; {@code Workspace} and {@code Transcripts} watch what it writes;
 * {@code Journal} remembers what was shown and {@code SessionSync} brings it all to the store, from where {@code SessionLoader} makes the
 * session again.
 *
 * <h2>How nothing is lost, doubled or left behind</h2>
 * <ul>
 *   <li>A message is stored before it is answered, and noted as delivered before the agent gets it. After a crash, what was not delivered
 *       is delivered; what was is never given again: the agent's output is read from the byte where the turn began, and what is known
 *       already is dropped by its id.
 *   <li>The record says that something runs from before a sandbox is made until it is gone, so that a later runtime looks for it.
 *   <li>Every write names its owner's epoch; one that comes from a superseded owner is refused by the store, and the session lets go.
 * </ul>
 */
package dev.agentruntime.session;
