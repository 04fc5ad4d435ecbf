#!/usr/bin/env node
import { COMMANDS, runProgram } from './cli/program.ts';

await runProgram(process.argv.slice(2), COMMANDS);
