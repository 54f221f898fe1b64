//! The tables of a small shop, as Prisma makes them with `relationMode = "prisma"`, and the application that writes them.

use anyhow::Result;

use super::load::{Cell, Column, Fill, Key, Shape};
use super::scenario::Scenario;

pub const ORDER: &str = "CREATE TABLE `Order` (
    `id` BIGINT NOT NULL AUTO_INCREMENT,
    `userId` INTEGER NOT NULL,
    `productId` INTEGER NOT NULL,
    `quantity` INTEGER NOT NULL DEFAULT 1,
    `total` DECIMAL(10, 2) NOT NULL,
    `status` ENUM('open', 'paid', 'sent') NOT NULL DEFAULT 'open',
    `note` VARCHAR(191) NULL,
    `reference` VARCHAR(64) NOT NULL,
    `coupon` VARCHAR(20) NULL DEFAULT 'none',
    `placedAt` DATETIME(3) NOT NULL,

    UNIQUE INDEX `Order_reference_key`(`reference`),
    INDEX `Order_userId_idx`(`userId`),
    INDEX `Order_status_placedAt_idx`(`status`, `placedAt`),
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

/// How the application writes orders. It reads `coupon` and never writes it.
pub fn orders() -> Shape {
    let column = |name, fill| Column { name, fill };
    Shape {
        table: "Order",
        key: Key::Auto("id"),
        columns: vec![
            column("userId", Fill::Below(50_000)),
            column("productId", Fill::Below(1_000)),
            column("quantity", Fill::Below(20)),
            column("total", Fill::Amount),
            column("status", Fill::OneOf(&["open", "paid", "sent"])),
            column("note", Fill::Words),
            column("reference", Fill::Unique),
            column("coupon", Fill::Untouched(Cell::Text("none".to_owned()))),
            column("placedAt", Fill::Moment),
        ],
    }
}

/// The same application in a version that does not know of `coupon` any more, so that the column may go.
pub fn orders_without_coupons() -> Shape {
    let mut shape = orders();
    shape.columns.retain(|column| column.name != "coupon");
    shape
}

pub async fn seed_orders(scenario: &Scenario, rows: u64) -> Result<()> {
    let columns = "id, userId, productId, quantity, total, status, note, reference, coupon, placedAt";
    // References come in random order, as those of real orders do.
    let expressions = format!(
        "{}, n * 7919 % 50000, n % 1000, n % 20, n % 100000 / 100, ELT(n % 3 + 1, 'open', 'paid', 'sent'), \
         IF(n % 3 = 0, NULL, CONCAT('ring at the second door, flat ', n % 97)), CONCAT(HEX(CRC32(n)), '-', n), \
         IF(n % 5 = 0, CONCAT('SPRING', n % 50), NULL), '2026-01-01' + INTERVAL n SECOND",
        orders().seed_key()
    );
    scenario.seed("Order", columns, &expressions, rows).await
}

/// A table whose key is text.
pub const ARTICLE: &str = "CREATE TABLE `Article` (
    `sku` VARCHAR(64) NOT NULL,
    `stock` INTEGER NOT NULL,
    `title` VARCHAR(191) NULL,

    INDEX `Article_stock_idx`(`stock`),
    PRIMARY KEY (`sku`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

pub fn articles() -> Shape {
    let stock = Column { name: "stock", fill: Fill::Below(1_000) };
    let title = Column { name: "title", fill: Fill::Words };
    Shape { table: "Article", key: Key::Text("sku"), columns: vec![stock, title] }
}

pub async fn seed_articles(scenario: &Scenario, rows: u64) -> Result<()> {
    let expressions = format!("{}, n % 1000, CONCAT('Article ', n)", articles().seed_key());
    scenario.seed("Article", "sku, stock, title", &expressions, rows).await
}

/// What Prisma makes of an implicit many-to-many relation: no primary key.
pub const TAG_TO_POST: &str = "CREATE TABLE `_TagToPost` (
    `A` INTEGER NOT NULL,
    `B` INTEGER NOT NULL,

    UNIQUE INDEX `_TagToPost_AB_unique`(`A`, `B`),
    INDEX `_TagToPost_B_index`(`B`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

pub fn tags_of_posts() -> Shape {
    Shape { table: "_TagToPost", key: Key::Pair("A", "B"), columns: Vec::new() }
}

pub async fn seed_tags_of_posts(scenario: &Scenario, rows: u64) -> Result<()> {
    scenario.seed("_TagToPost", "A, B", &tags_of_posts().seed_key(), rows).await
}

pub const USER: &str = "CREATE TABLE `User` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `email` VARCHAR(191) NOT NULL,
    `name` VARCHAR(191) NULL,
    `createdAt` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),

    UNIQUE INDEX `User_email_key`(`email`),
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

pub const PRODUCT: &str = "CREATE TABLE `Product` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `name` VARCHAR(191) NOT NULL,
    `price` DECIMAL(10, 2) NOT NULL,

    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

pub async fn seed_users_and_products(scenario: &Scenario) -> Result<()> {
    let user = "n + 1, CONCAT('user', n, '@example.com'), CONCAT('User ', n)";
    scenario.seed("User", "id, email, name", user, 50_000).await?;
    scenario.seed("Product", "id, name, price", "n + 1, CONCAT('Product ', n), n % 90 + 9.9", 1_000).await
}
