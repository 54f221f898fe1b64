-- AlterTable
ALTER TABLE `T` ADD COLUMN `c` INTEGER NULL,
    MODIFY `a` BIGINT NOT NULL;

-- CreateIndex
CREATE INDEX `T_c_idx` ON `T`(`c`);
