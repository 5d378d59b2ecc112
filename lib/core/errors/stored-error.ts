/** An error as it is kept in the database and handed to clients. Compare by `name` or `code`. */
export interface StoredError {
  name: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: StoredError;
  /** The error's own fields, as far as they can be stored. */
  [field: string]: unknown;
}
