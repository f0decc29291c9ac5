import * as z from 'zod';
import { checkSchema, serviceSchema } from './schemas.ts';

// As in schemas.ts: what we rely on, and nothing else. Agents keep no raft indexes.

const agentServiceSchema = serviceSchema.omit({ ModifyIndex: true });
const agentCheckSchema = checkSchema.omit({ ModifyIndex: true });

export const agentServicesSchema = z.record(z.string(), agentServiceSchema);
export const agentChecksSchema = z.record(z.string(), agentCheckSchema);

export type AgentServiceAnswer = z.output<typeof agentServiceSchema>;
export type AgentCheckAnswer = z.output<typeof agentCheckSchema>;
