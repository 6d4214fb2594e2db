import {
  type DataModelFromSchemaDefinition,
  type DocumentByName,
  type GenericMutationCtx,
  type GenericQueryCtx,
  internalMutationGeneric,
  internalQueryGeneric,
  type MutationBuilder,
  type QueryBuilder,
  type TableNamesInDataModel,
} from "convex/server";
import { ConvexError } from "convex/values";
import type schema from "./schema";

type DataModel = DataModelFromSchemaDefinition<typeof schema>;

export type Doc<Table extends TableNamesInDataModel<DataModel>> = DocumentByName<DataModel, Table>;
export type QueryCtx = GenericQueryCtx<DataModel>;
export type MutationCtx = GenericMutationCtx<DataModel>;

// Every function is internal: who knows only the deployment's address finds none. A deploy key may run them.
export const internalQuery = internalQueryGeneric as QueryBuilder<DataModel, "internal">;
export const internalMutation = internalMutationGeneric as MutationBuilder<DataModel, "internal">;

/** The names are those of Agent Runtime's PersistenceException.Kind. */
type Refusal = "NOT_FOUND" | "CONFLICT" | "GAP" | "STALE_OWNER" | "UNAVAILABLE";

/** What a function throws when it does not do what it was asked; nothing is changed then. */
export function refusal(kind: Refusal): ConvexError<{ kind: Refusal }> {
  return new ConvexError({ kind });
}
