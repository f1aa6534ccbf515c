import type { NativeConnectionOptions } from '@temporalio/worker';
import type { Proxy } from './proxy.js';

/** A server that the user named, or the one of a local stack. */
export interface ServerAddress {
  readonly kind: 'configured' | 'local';
  readonly address: string;
  readonly namespace: string;
  /** mTLS, API key and headers of a configured server come along; fits Connection.connect and NativeConnection.connect */
  readonly connection: NativeConnectionOptions;
  /** that the environment names for it: gone through where gRPC can */
  readonly proxy?: Proxy;
}
