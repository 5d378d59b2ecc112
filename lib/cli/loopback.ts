/** Names of this machine that lead nowhere else, and that the dashboard takes in `Host`. */
export const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '::1'];
