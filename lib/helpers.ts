/** `nest-durable/helpers`: pure functions on a run's data, each giving a new object. */
export { append, assign, get, has, increment, remove, update } from './core/helpers.js';
