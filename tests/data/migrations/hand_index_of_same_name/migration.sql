DROP INDEX `i` ON `T`;
CREATE UNIQUE INDEX `i` ON `T`(`b`, `a`);
