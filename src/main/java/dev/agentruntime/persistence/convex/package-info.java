/**
 * A store in a Convex deployment, over Convex's HTTP API. The functions and the schema that the deployment needs are in
 * {@code conf/convex}.
 */
package dev.agentruntime.persistence.convex;
