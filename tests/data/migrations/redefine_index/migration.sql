-- RedefineIndex
CREATE INDEX `new` ON `T`(`a`);
DROP INDEX `old` ON `T`;
