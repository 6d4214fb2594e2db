/** The runtime's metrics, with Micrometer. Depends on no other package of the project. */
package dev.agentruntime.metrics;
