package dev.agentruntime.persistence;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;

/** The order in which ids are listed, for adapters whose store does not sort by itself. */
public final class CodePoints {

  /** UTF-8 sorts as code points do; {@code String} does not, beyond the basic plane. */
  public static final Comparator<String> ORDER = (one, other) ->
      Arrays.compareUnsigned(one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));

  private CodePoints() {}
}
