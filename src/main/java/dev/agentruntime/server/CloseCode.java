package dev.agentruntime.server;

/** Why a WebSocket is closed, in the contract's numbers. */
final class CloseCode {

  static final short GOING_AWAY = 1001;
  static final short PROTOCOL_ERROR = 1002;
  static final short OVERLOADED = 1013;
  static final short NOT_AUTHENTICATED = 4001;
  static final short NOT_ALLOWED = 4003;
  static final short BAD_MESSAGE = 4008;

  private CloseCode() {}
}
