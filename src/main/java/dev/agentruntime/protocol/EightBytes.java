package dev.agentruntime.protocol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Looks at eight bytes in one go. Marks are the highest bits of bytes; the first mark is right, those after it may be false. See "Determine
 * if a word has a zero byte" and "... a byte less than n" in Sean Eron Anderson's Bit Twiddling Hacks.
 */
public final class EightBytes {

  private static final VarHandle VIEW = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long ONES = 0x0101010101010101L;
  private static final long MARKS = 0x8080808080808080L;

  private EightBytes() {}

  /** The bytes at {@code at} and after it, all of which must be there. */
  public static long at(byte[] bytes, int at) {
    return (long) VIEW.get(bytes, at);
  }

  /** Marks the bytes that are {@code value}. @param value ASCII */
  public static long equal(long eight, char value) {
    long difference = eight ^ ONES * value;
    return difference - ONES & ~difference & MARKS;
  }

  /** Marks the bytes that are below {@code value}, none of which has its highest bit set. @param value ASCII */
  public static long below(long eight, char value) {
    return eight - ONES * value & ~eight & MARKS;
  }

  /** Which of the eight is the first that is marked. @param marks not 0 */
  public static int first(long marks) {
    return Long.numberOfTrailingZeros(marks) >>> 3;
  }
}
