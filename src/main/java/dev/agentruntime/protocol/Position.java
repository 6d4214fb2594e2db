package dev.agentruntime.protocol;

/**
 * A place in a session's stream.
 *
 * @param seq the last event that the reader has
 */
public record Position(String epoch, long seq) {

  /** {@code <epoch>:<seq>}, the {@code id:} of a server-sent event. */
  public String eventId() {
    return epoch + ":" + seq;
  }

  /** @return {@code null} if {@code eventId} is not the id of an event */
  public static Position parse(String eventId) {
    int colon = eventId.lastIndexOf(':');
    try {
      return colon <= 0 ? null : new Position(eventId.substring(0, colon), Long.parseLong(eventId.substring(colon + 1)));
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
