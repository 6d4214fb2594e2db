/**
 * How fast the runtime is, each figure beside a reference that is measured in the same run: {@code mvn -q compile exec:exec@bench}. Each
 * variant is a process of its own, warmed up alike; the variants take turns, and the ratio is taken within each round.
 *
 * <p>Not part of the program's jar.
 */
package dev.agentruntime.bench;
