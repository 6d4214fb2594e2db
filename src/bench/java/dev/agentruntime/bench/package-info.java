/**
 * How fast the runtime is, each figure beside a reference taken in the same run: {@code mvn -q compile exec:exec@bench}. Each variant is a
 * process of its own, warmed alike; slices of the variants take turns, and a ratio is taken within each round.
 *
 * <p>Not part of the program's jar.
 */
package dev.agentruntime.bench;
