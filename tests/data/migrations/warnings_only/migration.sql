/*
  Warnings:

  - You are about to drop nothing; really; nothing.

*/
-- This is an empty migration.
