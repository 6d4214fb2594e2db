/** The runtime's own figures, in the words of Micrometer. Knows no other package of the project. */
package dev.agentruntime.metrics;
