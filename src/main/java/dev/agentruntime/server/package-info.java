/**
 * What clients connect to: REST, WebSocket and server-sent events on one port.
 *
 * <p>{@link dev.agentruntime.server.RestApi} and {@link dev.agentruntime.server.WebSocketEndpoint} can be mounted in any Vert.x HTTP server;
 * {@link dev.agentruntime.server.ServerVerticle} is our own server. Both kinds of streams work alike: a
 * {@link dev.agentruntime.server.FeedReader} keeps a client's position in a session, a {@link dev.agentruntime.server.SessionFanout} encodes
 * new events once per event loop, and a {@link dev.agentruntime.server.FrameSink} puts it on the wire.
 */
package dev.agentruntime.server;
