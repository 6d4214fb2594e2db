package dev.agentruntime.server;

import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.FrameEncoder;
import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;

/** How a session's frame looks on a wire. Encoding is pure; a batch is the frames one after the other. */
enum FrameFormat {

  /** Final, unmasked text frames (RFC 6455, 5.2). */
  WEB_SOCKET {
    @Override
    int size(String epoch, Frame frame) {
      return header(frame.json().length) + frame.json().length;
    }

    @Override
    void encode(String epoch, Frame frame, ByteBuf out) {
      header(FIN | TEXT, frame.json().length, out);
      out.writeBytes(frame.json());
    }
  },

  /** {@code id: <epoch>:<seq>}, {@code event:} and the envelope, which is one line of JSON, as {@code data:}. */
  SERVER_SENT_EVENT {
    @Override
    int size(String epoch, Frame frame) {
      return lines(epoch, frame.seq(), FrameEncoder.name(frame.event())).length() + frame.json().length + 2;
    }

    @Override
    void encode(String epoch, Frame frame, ByteBuf out) {
      out.writeCharSequence(lines(epoch, frame.seq(), FrameEncoder.name(frame.event())), StandardCharsets.US_ASCII);
      out.writeBytes(frame.json());
      out.writeShort('\n' << 8 | '\n');
    }
  };

  static final int FIN = 0x80;
  static final int TEXT = 0x1;
  static final int CONTINUATION = 0x0;

  abstract int size(String epoch, Frame frame);

  abstract void encode(String epoch, Frame frame, ByteBuf out);

  /** What stands before an event's data, for an event at a place in a stream. */
  static String lines(String epoch, long seq, String event) {
    return "id: " + epoch + ":" + seq + "\nevent: " + event + "\ndata: ";
  }

  /** Bytes of the header of a frame from the server. */
  static int header(int payloadBytes) {
    return payloadBytes < 126 ? 2 : payloadBytes < 1 << 16 ? 4 : 10;
  }

  static void header(int firstByte, int payloadBytes, ByteBuf out) {
    out.writeByte(firstByte);
    if (payloadBytes < 126) {
      out.writeByte(payloadBytes);
    } else if (payloadBytes < 1 << 16) {
      out.writeByte(126).writeShort(payloadBytes);
    } else {
      out.writeByte(127).writeLong(payloadBytes);
    }
  }
}
