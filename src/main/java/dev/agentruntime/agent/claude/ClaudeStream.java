package dev.agentruntime.agent.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.agentruntime.agent.OutputParser.Sink;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.WellFormed;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The messages that the API streams for the main conversation: their texts, open until the whole block comes, and which of their places
 * are taken by what.
 */
final class ClaudeStream {

  /** Messages of which a late word may still come. */
  private static final int REMEMBERED_MESSAGES = 8;

  /** How far ahead of the blocks known a block's index may be; it is a sign of rubbish beyond. */
  private static final int MAX_GAP = 64;

  /** More than an answer of a model has; what is beyond is shown when it is whole. */
  private static final int MOST_PLACES = 10_000;

  private final Map<String, Message> messages = new LinkedHashMap<>() {
    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Message> eldest) {
      return size() > REMEMBERED_MESSAGES;
    }
  };
  private Message last;
  private boolean interrupted;

  /** A message's blocks by their index; {@code null} where the block is none of ours. */
  private static final class Message {
    final String id;
    final byte[] idBytes;
    final List<Place> places = new ArrayList<>();
    int nextIndex;
    String model;

    Message(String id) {
      this.id = id;
      this.idBytes = id.getBytes(StandardCharsets.UTF_8);
    }

    Place place(int index) {
      return index >= 0 && index < places.size() ? places.get(index) : null;
    }
  }

  /** One block of a message: a text while it is open, or a call of a tool (whose state is elsewhere). */
  static final class Place {
    final int index;
    final String type;
    final Block first;
    private final StringBuilder text;
    private char heldBack;
    private boolean ended;

    private Place(int index, String type, Block first, StringBuilder text) {
      this.index = index;
      this.type = type;
      this.first = first;
      this.text = text;
    }

    boolean isText() {
      return text != null;
    }

    /** Nothing more comes of it, and its text is not needed any more. */
    void end() {
      ended = true;
      if (text != null) {
        text.setLength(0);
        text.trimToSize();
      }
    }
  }

  void begin(JsonNode message) {
    interrupted = false;
    Message begun = message(message.path("id").asText());
    begun.model = message.path("model").isTextual() ? message.path("model").asText() : null;
  }

  String model(String messageId) {
    Message message = messages.get(messageId);
    return message == null ? null : message.model;
  }

  /** A block of text begins; or one whose place is to be known and that is not shown, with {@code first} {@code null}. */
  void open(String messageId, int index, String type, Block first, Sink sink) {
    Message message = message(messageId);
    if (index < 0 || index >= Math.min(MOST_PLACES, message.places.size() + MAX_GAP + 1) || message.place(index) != null) {
      return;
    }
    while (message.places.size() <= index) {
      message.places.add(null);
    }
    boolean isText = first != null && first.streams();
    message.places.set(index, new Place(index, type, first, isText ? new StringBuilder() : null));
    message.nextIndex = Math.max(message.nextIndex, index + 1);
    if (isText) {
      sink.event(new SessionEvent.BlockStart(SessionEvent.MAIN, first));
    }
  }

  void delta(DeltaScanner line, Sink sink) {
    if (line.kind() == DeltaScanner.Kind.OTHER || line.text() == null) {
      return;
    }
    if (last == null || !Arrays.equals(line.messageId(), last.idBytes)) {
      Message message = messages.get(new String(line.messageId(), StandardCharsets.UTF_8));
      if (message == null) {
        return;
      }
      last = message;
    }
    Place place = last.place(line.index());
    if (place != null) {
      append(place, line.text(), sink);
    }
  }

  void delta(String messageId, int index, String text, Sink sink) {
    Message message = messages.get(messageId);
    Place place = message == null ? null : message.place(index);
    if (place != null) {
      append(place, text, sink);
    }
  }

  /** A character may be cut in two by the end of a piece; its first half waits for the second. */
  private static void append(Place place, String piece, Sink sink) {
    if (!place.isText() || place.ended || piece.isEmpty()) {
      return;
    }
    String text = place.heldBack == 0 ? piece : place.heldBack + piece;
    place.heldBack = 0;
    char end = text.charAt(text.length() - 1);
    if (Character.isHighSurrogate(end)) {
      place.heldBack = end;
      text = text.substring(0, text.length() - 1);
    }
    emit(place, WellFormed.text(text), sink);
  }

  private static void emit(Place place, String text, Sink sink) {
    if (!text.isEmpty()) {
      place.text.append(text);
      sink.event(new SessionEvent.BlockDelta(SessionEvent.MAIN, place.first.id(), text));
    }
  }

  /** The streamed block that a whole one of {@code type} is the end of; {@code null} if it was not streamed. */
  Place streamed(String messageId, String type) {
    Message message = messages.get(messageId);
    if (message != null) {
      for (Place place : message.places) {
        if (place != null && !place.ended && place.type.equals(type)) {
          return place;
        }
      }
    }
    return null;
  }

  /** The next free index of a message, for a block that was not streamed. */
  int nextIndex(String messageId) {
    return message(messageId).nextIndex++;
  }

  /** Ends a streamed text with its whole content: what was not streamed of it is added, and nothing that was is taken back. */
  void complete(Place place, String whole, Sink sink) {
    if (place.ended) {
      return;
    }
    if (place.isText()) {
      String shown = place.text.toString();
      if (whole.startsWith(shown)) {
        place.heldBack = 0;
        emit(place, whole.substring(shown.length()), sink);
        end(place, whole, sink);
      } else {
        end(place, sink);
      }
    }
    place.end();
  }

  private static void end(Place place, Sink sink) {
    if (place.heldBack != 0) {
      place.heldBack = 0;
      emit(place, "\uFFFD", sink);
    }
    end(place, place.text.toString(), sink);
  }

  private static void end(Place place, String text, Sink sink) {
    Block whole = place.first.withText(text);
    place.end();
    sink.event(new SessionEvent.BlockComplete(SessionEvent.MAIN, whole.id(), whole));
  }

  /** Ends what is open of a message whose stream has ended. */
  void finish(String messageId, Sink sink) {
    Message message = messages.get(messageId);
    if (message != null) {
      for (Place place : message.places) {
        if (place != null && place.isText() && !place.ended) {
          end(place, sink);
        }
      }
    }
  }

  /** The user has stopped the message that comes. */
  void interrupted() {
    interrupted = true;
  }

  /**
   * Withdraws the blocks of a message from an index on that have not ended. One that the user has interrupted keeps what it has of a
   * text, though the agent itself forgets a thought that is not whole.
   *
   * @return the ids of the calls among them, which are the caller's to withdraw
   */
  List<String> abandon(String messageId, int from, Sink sink) {
    List<String> calls = new ArrayList<>();
    Message message = messages.get(messageId);
    if (message == null) {
      return calls;
    }
    for (Place place : message.places) {
      if (place == null || place.index < from || place.ended || place.first == null) {
        continue;
      }
      if (place.isText() && interrupted && !place.text.isEmpty()) {
        end(place, sink);
        continue;
      }
      place.end();
      if (place.isText()) {
        sink.event(new SessionEvent.BlockRemoved(SessionEvent.MAIN, place.first.id()));
      } else {
        calls.add(place.first.id());
      }
    }
    return calls;
  }

  /** The end of a turn: nothing more comes of its messages. */
  void clear() {
    messages.clear();
    last = null;
  }

  private Message message(String id) {
    return messages.computeIfAbsent(id, Message::new);
  }
}
