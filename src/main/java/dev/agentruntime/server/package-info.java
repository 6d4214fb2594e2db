/**
 * What clients talk to: REST, WebSocket and server-sent events on one port.
 *
 * <p>{@link dev.agentruntime.server.RestApi} and {@link dev.agentruntime.server.WebSocketEndpoint} can be mounted in any Vert.x HTTP server;
 * {@link dev.agentruntime.server.ServerVerticle} is the server of our own. Both streams are fed alike: a
 * {@link dev.agentruntime.server.FeedReader} keeps a client's place in a session, a {@link dev.agentruntime.server.SessionFanout} encodes
 * what is new once per event loop, and a {@link dev.agentruntime.server.FrameSink} puts it on the wire.
 */
package dev.agentruntime.server;
