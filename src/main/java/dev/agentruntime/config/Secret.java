package dev.agentruntime.config;

import java.util.Objects;

/** A value that is not shown. */
public record Secret(String value) {

  public Secret {
    Objects.requireNonNull(value, "value");
  }

  @Override
  public String toString() {
    return "(secret)";
  }
}
