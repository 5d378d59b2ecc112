import { Connections, type ConnectionsOptions } from '../../lib/storage/connection/connections.js';
import { resolveTarget } from '../../lib/storage/connection/connection.js';

/** Sessions as an instance of the engine has them, on a direct connection unless told otherwise. To be closed. */
export function connectTo(url: string, options: Partial<ConnectionsOptions> = {}): Connections {
  return new Connections(resolveTarget({ url }), { direct: true, ...options });
}
