/** Imported only where it is needed, because it takes its time at the start. */
export * as grpc from '@grpc/grpc-js'
export { load } from '@grpc/proto-loader'
