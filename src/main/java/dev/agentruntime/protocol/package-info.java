/**
 * The protocol between server and clients, as records: the events of a session and their frames, its blocks and snapshot, requests and errors.
 *
 * <p>The same records go over WebSocket, server-sent events and the event bus; nothing is mapped in between. Depends on no other
 * package of the project.
 */
package dev.agentruntime.protocol;
